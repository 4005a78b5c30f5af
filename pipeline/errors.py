"""What the user can put right is said in one line; everything else is a defect and keeps its traceback."""


class InputError(Exception):
    """Bad input: the message is one line with the file or key, what was found and what was expected.

    ``python -m pipeline`` prints it and exits with status 1, without a traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))
