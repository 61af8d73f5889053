"""Payments: orders, charges, refunds, subscriptions and gifts, in Stars and by card."""
