"""What the simulated world says when something cannot be done."""


class SimulatorError(Exception):
    """A person asked the simulator for something impossible; the text says what to do about it.

    code holds the Web Connector's own error code ("QBWC1039") where the real program would show one, else "".
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(f"{code}: {text}" if code else text)
        self.text = text
        self.code = code


class ProcessError(Exception):
    """QuickBooks gave no qbXML answer at all, only an HRESULT (protocol reference 4.3).

    The Web Connector hands both values on: to receiveResponseXML for a set, to connectionError for a session.
    """

    def __init__(self, hresult: str, message: str) -> None:
        super().__init__(f"{hresult}: {message}")
        self.hresult = hresult
        self.message = message
