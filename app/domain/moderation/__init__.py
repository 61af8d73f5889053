"""What may not be asked for: rules that the operator edits without a deploy, checked before anything is held."""
