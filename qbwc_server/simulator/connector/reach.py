"""The two plain GETs made when an application is added (protocol reference 1.2)."""

import requests

from qbwc_server.simulator.connector.qwc import Qwc
from qbwc_server.simulator.connector.wire import USER_AGENT
from qbwc_server.simulator.errors import SimulatorError

SUPPORT_STATUSES = (200, 202)


def check_reachable(qwc: Qwc, timeout: float) -> None:
    """AppURL (or CertURL) must answer 200 without a login, AppSupport 200 or 202; else the codes 1048, 1003, 1004."""
    certified = qwc.cert_url or qwc.app_url
    try:
        status = _status(certified, timeout)
    except requests.RequestException as error:
        raise SimulatorError(
            f"Could not verify the web application server certificate: {certified} does not "
            f"answer ({error}).",
            "QBWC1048",
        ) from error
    if status != 200:
        raise SimulatorError(
            f"Could not verify the web application server certificate: a GET of {certified} "
            f"must answer 200, it answered {status}.",
            "QBWC1048",
        )
    _check_support(qwc.app_support, timeout)


def _check_support(url: str, timeout: float) -> None:
    try:
        status = _status(url, timeout)
    except requests.RequestException as error:
        raise SimulatorError(f"AppSupport {url} could not be reached ({error}).", "QBWC1004") from error
    if status not in SUPPORT_STATUSES:
        raise SimulatorError(
            f"AppSupport {url} must answer 200 without a login, it answered {status}.", "QBWC1003"
        )


def _status(url: str, timeout: float) -> int:
    with requests.Session() as http:
        http.trust_env = False
        return http.get(
            url, headers={"User-Agent": USER_AGENT}, timeout=timeout, allow_redirects=False, stream=True
        ).status_code
