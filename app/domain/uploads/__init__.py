"""Pictures that users send to be worked from: taken, kept for a while, erased."""
