"""What the operator looks at: the proof of the books."""
