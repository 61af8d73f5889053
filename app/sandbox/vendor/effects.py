"""What an edit does to a whole picture: one effect, chosen by the words of the prompt, else by the dice."""

from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from app.sandbox.vendor.brushes import dots, glow, vertical_gradient
from app.sandbox.vendor.lettering import write_caption
from app.sandbox.vendor.palettes import Colour, mix
from app.sandbox.vendor.story import Story, named_in

Effect = Callable[[Image.Image, Story], Image.Image]

_EFFECT_WORDS: Final[Mapping[str, str]] = {
    "sketch": "sketch pencil drawing набросок карандаш* рисунок эскиз* qalam* chizma*",
    "watercolour": "watercolour watercolor aquarelle painting акварел* живопис* картин* akvarel* bo'yoq*",
    "comic": "comic cartoon anime manga комикс* мульт* аниме komiks* multfilm*",
    "neon": "neon cyberpunk cyber неон* киберпанк* kiberpank*",
    "noir": "noir black-and-white monochrome grayscale нуар чёрно чб монохром* oq-qora",
    "vintage": "vintage retro old sepia винтаж* ретро сепия старин* eski*",
    "poster": "poster pop art постер* плакат* плакате поп afisha*",
    "night": "night midnight dark starry ноч* тёмн* звёзд* tun tunda tungi qorong'i*",
    "sunset": "sunset golden warm evening закат* золот* тёпл* вечер* oltin* shom*",
    "winter": "winter snow snowy cold frost зим* снег* снеж* холод* мороз* qish* qor qorli",
}


def apply_effect(image: Image.Image, story: Story) -> Image.Image:
    """The picture in another manner, still to be recognised."""
    named = named_in(story.caption, _EFFECT_WORDS)
    name = named[0] if named else story.dice.choice(("watercolour", "poster", "comic", "vintage", "sunset", "neon"))
    return EFFECTS[name](image, story)


def _sketch(image: Image.Image, story: Story) -> Image.Image:
    grey = ImageOps.grayscale(image)
    blurred = ImageOps.invert(grey).filter(ImageFilter.GaussianBlur(max(2.0, min(image.size) / 90)))
    # Dividing by the blurred picture leaves what differs from its surroundings: the lines of a pencil.
    lines = ImageChops.add(grey, blurred, scale=1.0)
    lines = ImageEnhance.Contrast(ImageOps.autocontrast(lines, cutoff=2)).enhance(1.5)
    return ImageOps.colorize(lines, black=story.palette.near, white=(252, 249, 241))


def _watercolour(image: Image.Image, story: Story) -> Image.Image:
    del story
    soft = _washed(image, 7)
    soft = ImageEnhance.Color(ImageEnhance.Brightness(soft).enhance(1.12)).enhance(1.35)
    lines = _edges(image).filter(ImageFilter.GaussianBlur(1)).point(lambda level: 255 - min(120, level))
    return ImageChops.multiply(soft, Image.merge("RGB", [lines] * 3))


def _comic(image: Image.Image, story: Story) -> Image.Image:
    del story
    flat = ImageEnhance.Color(ImageOps.posterize(_washed(image, 5), 3)).enhance(1.7)
    ink = _edges(image).point(lambda level: 255 if level > 60 else 0)
    return Image.composite(Image.new("RGB", image.size, (18, 16, 26)), flat, ink)


def _neon(image: Image.Image, story: Story) -> Image.Image:
    edges = _edges(image).point(lambda level: min(255, level * 3))
    shine = edges.filter(ImageFilter.GaussianBlur(max(3.0, min(image.size) / 110))).point(
        lambda level: min(255, level * 3)
    )
    dark = ImageEnhance.Brightness(image).enhance(0.3)
    for mask, colour in ((shine, (255, 40, 190)), (edges, mix(story.palette.accent, (255, 255, 255), 0.35))):
        dark = ImageChops.screen(dark, ImageOps.colorize(mask, black=(0, 0, 0), white=colour))
    return dark


def _washed(image: Image.Image, side: int) -> Image.Image:
    """Without small things; at half the size, since that takes a while."""
    return image.reduce(2).filter(ImageFilter.MedianFilter(side)).resize(image.size, Image.Resampling.BICUBIC)


def _edges(image: Image.Image) -> Image.Image:
    """Bright where one thing ends and the next begins."""
    found = ImageOps.grayscale(image.filter(ImageFilter.SMOOTH)).filter(ImageFilter.FIND_EDGES)
    # The filter leaves the outermost pixels as they were.
    found.paste(0, (0, 0, image.width, 1))
    found.paste(0, (0, image.height - 1, image.width, image.height))
    found.paste(0, (0, 0, 1, image.height))
    found.paste(0, (image.width - 1, 0, image.width, image.height))
    return found.filter(ImageFilter.MaxFilter(3)).point(lambda level: min(255, level * 2))


def _noir(image: Image.Image, story: Story) -> Image.Image:
    del story
    grey = ImageOps.autocontrast(ImageOps.grayscale(image), cutoff=3)
    return _vignette(ImageEnhance.Contrast(grey).enhance(1.4).convert("RGB"))


def _vintage(image: Image.Image, story: Story) -> Image.Image:
    del story
    return _vignette(ImageOps.colorize(ImageOps.grayscale(image), black=(44, 26, 14), white=(255, 240, 208)))


def _poster(image: Image.Image, story: Story) -> Image.Image:
    grey = ImageOps.autocontrast(ImageOps.grayscale(image).filter(ImageFilter.MedianFilter(5)))
    steps = ImageOps.posterize(grey, 2)
    palette = story.palette
    return ImageOps.colorize(steps, black=palette.near, mid=palette.accent, white=palette.light)


def _night(image: Image.Image, story: Story) -> Image.Image:
    dark = _tinted(ImageEnhance.Brightness(image).enhance(0.55), (60, 90, 190))
    width, height = image.size
    glow(dark, (width * 0.8, height * 0.16), min(image.size) * 0.4, (246, 242, 221), 0.8)
    dots(dark, _scattered(story, image.size, floor=0.45), (255, 255, 255))
    return dark


def _sunset(image: Image.Image, story: Story) -> Image.Image:
    warm = _tinted(image, (255, 168, 92))
    glow(
        warm,
        (image.width * story.dice.choice((0.2, 0.8)), image.height * 0.3),
        min(image.size) * 0.8,
        (255, 220, 140),
        0.7,
    )
    return ImageEnhance.Color(warm).enhance(1.25)


def _winter(image: Image.Image, story: Story) -> Image.Image:
    cold = ImageEnhance.Brightness(_tinted(ImageEnhance.Color(image).enhance(0.6), (190, 220, 255))).enhance(1.15)
    dots(cold, _scattered(story, image.size, floor=1.0, large=2.6), (255, 255, 255))
    return cold


def _tinted(image: Image.Image, colour: Colour) -> Image.Image:
    return Image.blend(image, ImageChops.multiply(image, Image.new("RGB", image.size, colour)), 0.75)


def _vignette(image: Image.Image) -> Image.Image:
    mask = Image.radial_gradient("L").resize(image.size, Image.Resampling.BILINEAR)
    return Image.composite(
        ImageEnhance.Brightness(image).enhance(0.35), image, mask.point(lambda level: max(0, level - 60))
    )


def _scattered(
    story: Story, size: tuple[int, int], *, floor: float, large: float = 1.0
) -> list[tuple[float, float, float, int]]:
    width, height = size
    unit = min(size) / 420 * large
    return [
        (
            story.dice.uniform(0, width),
            story.dice.uniform(0, height * floor),
            unit * story.dice.uniform(0.6, 1.8),
            story.dice.randint(140, 255),
        )
        for _ in range(150)
    ]


def put_in_frame(image: Image.Image, story: Story) -> None:
    """A painted frame around the picture, in the colours of its mood, and the caption within."""
    palette = story.palette
    width = max(6, round(min(image.size) * 0.028))
    thin = width + max(2, width // 5)
    inside = image.crop((thin, thin, image.width - thin, image.height - thin))
    write_caption(inside, story.caption)
    image.paste(vertical_gradient(image.size, (palette.accent, palette.light, palette.accent)))
    image.paste(palette.near, (width, width, image.width - width, image.height - width))
    image.paste(inside, (thin, thin))


EFFECTS: Final[Mapping[str, Effect]] = {
    "sketch": _sketch,
    "watercolour": _watercolour,
    "comic": _comic,
    "neon": _neon,
    "noir": _noir,
    "vintage": _vintage,
    "poster": _poster,
    "night": _night,
    "sunset": _sunset,
    "winter": _winter,
}
