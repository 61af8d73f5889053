"""Messages to the operator's chat: one per cause and hour, each with what to do."""
