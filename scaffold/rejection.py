"""What a command says, in one sentence, where it does not do what it was asked."""


class RejectedError(Exception):
    """Nothing was changed. The message is for whoever ran the command, and says what to do instead."""
