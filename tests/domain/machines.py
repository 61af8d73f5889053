"""What the state machines over money have in common: how much Hypothesis tries, and what it keeps."""

from hypothesis import HealthCheck, settings


def machine_settings(*, examples: int, steps: int) -> settings:
    """So many runs of so many steps, whatever the machine's speed. Nothing is kept for the next run of the tests."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        # Each of them depends on luck or on how busy the machine is.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
