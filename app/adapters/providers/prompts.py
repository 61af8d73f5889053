"""What a prompt becomes for vendors that have fewer fields than we do."""


def with_negative(prompt: str, negative_prompt: str | None) -> str:
    """The prompt, with what is not wanted said in words, for vendors without a field for that."""
    return f"{prompt}\n\nAvoid: {negative_prompt}" if negative_prompt else prompt
