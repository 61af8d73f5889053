"""Events from outside, kept raw: money events always, others when their handler failed."""
