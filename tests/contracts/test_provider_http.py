"""What all vendors share: how an answer is bounded and read, how fast a vendor is asked, how a route speaks."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.adapters.providers.gemini import GeminiProvider
from app.adapters.providers.http import (
    OversizedAnswer,
    OwnError,
    VendorAnswer,
    VendorHttp,
    micros,
    seconds,
    sentence,
    whole,
    word,
)
from app.adapters.providers.pace import Pace
from app.adapters.providers.route_words import in_the_words_of_the_route
from app.adapters.providers.stability import StabilityProvider
from app.domain.ports import (
    Provider,
    ProviderBusy,
    ProviderError,
    ProviderHeldBack,
    ProviderInvalid,
    ProviderOutcomeUnknown,
    ProviderOutOfMoney,
    ProviderRateLimited,
    VendorInput,
    VendorRequest,
)
from tests.contracts.vendors.frame import KEY, Answer, VendorServer, serving

REQUEST = VendorRequest("image", "model", "a kite", None, "3:4", 7, "0192/0/1")


@pytest.fixture
async def server() -> AsyncIterator[VendorServer]:
    async with serving() as running:
        yield running


def _own_error(answer: VendorAnswer) -> OwnError | None:
    return OwnError(answer.json["code"], "") if "code" in answer.json else None


@pytest.fixture
async def vendor(server: VendorServer) -> AsyncIterator[VendorHttp]:
    http = VendorHttp(
        base_url=f"{server.url}/base/",
        key=KEY,
        headers={"Authorization": f"Bearer {KEY}"},
        own_error=_own_error,
        pace=Pace(limit=2, window_seconds=60),
    )
    yield http
    await http.close()


# Answers


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"x" * 100),
        Answer(b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"}),
        Answer(gzip.compress(b"x" * 100), headers={"Content-Encoding": "gzip"}),
    ],
    ids=["announced", "in pieces", "compressed"],
)
async def test_an_answer_is_read_to_its_limit(vendor: VendorHttp, server: VendorServer, answer: Answer) -> None:
    server.will({"GET /base/x": answer, "POST /base/x": answer})
    assert (await vendor.read("GET", "x", max_bytes=100)).body == b"x" * 100
    with pytest.raises(OversizedAnswer):
        await vendor.read("GET", "x", max_bytes=99)
    with pytest.raises(ProviderOutcomeUnknown):
        await vendor.create("x", content={}, max_bytes=99)


async def test_redirects_are_not_followed_with_the_key(vendor: VendorHttp, server: VendorServer) -> None:
    server.will({"GET /base/x": Answer(b"", 302, {"Location": f"{server.url}/elsewhere"})})
    assert (await vendor.read("GET", "x")).status == 302
    assert len(server.seen) == 1


async def test_an_own_error_is_one_whatever_the_status(vendor: VendorHttp, server: VendorServer) -> None:
    """Some vendors write their refusals under "200 OK"."""
    server.will({"GET /base/x": Answer({"code": "no"}), "POST /base/x": Answer({"code": "no"})})
    with pytest.raises(ProviderInvalid):
        vendor.accepted(await vendor.read("GET", "x"))
    with pytest.raises(ProviderInvalid):
        await vendor.create("x", content={})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(b"<html>forbidden</html>", 403), ProviderBusy),
        (Answer({"code": "no"}, 403), ProviderOutOfMoney),
        (Answer(b"", 401), ProviderOutOfMoney),
        (Answer(b"", 402), ProviderOutOfMoney),
    ],
    ids=["filtered", "forbidden", "no-key", "no-money"],
)
async def test_only_the_vendor_forbids_everything(
    vendor: VendorHttp, server: VendorServer, answer: Answer, expected: type[ProviderError]
) -> None:
    server.will({"GET /base/x": answer, "POST /base/x": answer})
    with pytest.raises(expected):
        await vendor.create("x", content={})
    with pytest.raises(expected):
        vendor.accepted(await vendor.read("GET", "x"))


async def test_a_gateways_status_is_unknown_even_in_the_vendors_words(vendor: VendorHttp, server: VendorServer) -> None:
    server.will({"GET /base/x": Answer({"code": "no"}, 504), "POST /base/x": Answer({"code": "no"}, 502)})
    with pytest.raises(ProviderOutcomeUnknown):
        await vendor.create("x", content={})
    with pytest.raises(ProviderBusy):
        vendor.accepted(await vendor.read("GET", "x"))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("t1", "t1"),
        ("", None),
        (5, None),
        (None, None),
        ("a\nb", None),
        ("a\0", None),
        ("\ud800", None),
        ("x" * 5000, None),
    ],
)
def test_a_word_can_be_stored_and_sent_again(value: object, read: str | None) -> None:
    assert word(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [("no", "no"), ("a\nb\0c", "a b c"), (["a", "b"], '["a", "b"]'), (None, ""), (5, "5"), ("x" * 5000, "x" * 300)],
)
def test_a_sentence_fits_a_log_line(value: object, read: str) -> None:
    assert sentence(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1.5", 1.5),
        (2, 2.0),
        (-1, None),
        ("nan", None),
        (float("inf"), None),
        (True, None),
        (10**400, None),
        ([], None),
    ],
)
def test_seconds_are_numbers(value: object, read: float | None) -> None:
    assert seconds(value) == read


def test_prices_and_percents_are_whole() -> None:
    assert (micros(0.04), micros("1.25"), micros("free"), micros(-1), micros(1e300)) == (40_000, 1_250_000, 0, 0, 0)
    assert (whole(40.9), whole("40"), whole(True), whole(float("nan"))) == (40, None, None, None)


# Pace


def test_a_full_window_says_when_it_opens() -> None:
    now = [100.0]
    pace = Pace(limit=2, window_seconds=10, clock=lambda: now[0])
    pace.take()
    now[0] += 4
    pace.take()
    with pytest.raises(ProviderHeldBack) as held:
        pace.take()
    assert held.value.retry_after_seconds == 6
    now[0] += 6
    pace.take()


def test_a_rest_is_kept_and_bounded() -> None:
    now = [100.0]
    pace = Pace(limit=100, window_seconds=10, clock=lambda: now[0])
    pace.rest(86_400)
    pace.rest(1)
    with pytest.raises(ProviderHeldBack) as held:
        pace.take()
    assert held.value.retry_after_seconds == 60
    now[0] += 60
    pace.take()


async def test_creates_are_paced_and_reads_are_not(vendor: VendorHttp, server: VendorServer) -> None:
    server.will({"POST /base/x": Answer({}), "GET /base/x": Answer({})})
    await vendor.create("x", content={})
    await vendor.create("x", content={})
    with pytest.raises(ProviderHeldBack) as held:
        await vendor.create("x", content={})
    assert held.value.retry_after_seconds
    assert server.creates == 2
    for _ in range(3):
        await vendor.read("GET", "x")


async def test_a_vendor_that_wants_to_be_left_alone_is(vendor: VendorHttp, server: VendorServer) -> None:
    server.will({"POST /base/x": Answer({"code": "slow down"}, 429, {"Retry-After": "30"})})
    with pytest.raises(ProviderRateLimited):
        await vendor.create("x", content={})
    with pytest.raises(ProviderHeldBack) as held:
        await vendor.create("x", content={})
    assert held.value.retry_after_seconds == pytest.approx(30, abs=5)
    assert server.creates == 1


# Routes


def test_a_route_says_things_in_its_models_words() -> None:
    plain = in_the_words_of_the_route(REQUEST)
    assert (plain.with_ratio, plain.inputs_field) == ({"aspect_ratio": "3:4"}, "image_urls")
    parameters = {
        "ratios": {"3:4": "portrait"},
        "ratio_field": "size",
        "inputs_field": "image",
        "resolution": "2K",
    }
    own = in_the_words_of_the_route(replace(REQUEST, parameters=parameters))
    assert (own.with_ratio, own.inputs_field) == ({"size": "portrait", "resolution": "2K"}, "image")


@pytest.mark.parametrize("ratio", ["auto", ""])
def test_no_ratio_is_not_said(ratio: str) -> None:
    assert in_the_words_of_the_route(replace(REQUEST, aspect_ratio=ratio)).with_ratio == {}


# Inputs


async def test_inputs_that_the_vendor_cannot_take_are_not_sent(server: VendorServer) -> None:
    large = VendorInput(b"x" * 15_000_000, "image/png", "https://files.test/large.png")
    small = VendorInput(b"x", "image/png", "https://files.test/small.png")
    gemini = GeminiProvider(base_url=server.url, api_key=KEY)
    stability = StabilityProvider(base_url=server.url, api_key=KEY)
    cases: list[tuple[Provider, VendorRequest]] = [
        (gemini, replace(REQUEST, kind="edit", inputs=(large,))),
        (stability, replace(REQUEST, kind="edit", vendor_model="generate/sd3", inputs=(large,))),
        (stability, replace(REQUEST, kind="edit", vendor_model="generate/sd3", inputs=(small, small))),
        (stability, replace(REQUEST, kind="edit", vendor_model="generate/sd3")),
        (stability, replace(REQUEST, vendor_model="../v1/user/balance")),
    ]
    for provider, request in cases:
        with pytest.raises(ProviderInvalid):
            await provider.generate(request)
    assert server.seen == []
    await gemini.close()
    await stability.close()
