"""Whom we call: each module speaks one outside system's language and translates its errors at the border."""
