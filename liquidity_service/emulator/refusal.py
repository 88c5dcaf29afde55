"""A venue's refusal of a request."""

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818 - the venue refuses; nothing is wrong with the program
    """An answer that refuses a request: the venue's code, its text and the HTTP status."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
