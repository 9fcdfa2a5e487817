"""What persons do, from the command line or the console: each function acts once and leaves an audit row.

A function takes the open transaction, `By` (who and when) and what it acts on. It raises Problem with a
sentence and the next step when the action is not possible, and then nothing was changed.
"""

from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.jobs import approve, cancel, job_of, retry, said
from qbwc_server.sync.person.pairs import create, find_link, make, resolve, unlink
from qbwc_server.sync.person.parties import (
    NewCompany,
    NewConnection,
    add_company,
    add_connection,
    confirm_file,
    expect_visits,
    reconcile,
    set_credentials,
    set_password,
    start,
    stop,
    want_sync,
)

__all__ = [
    "By",
    "NewCompany",
    "NewConnection",
    "add_company",
    "add_connection",
    "approve",
    "cancel",
    "confirm_file",
    "create",
    "expect_visits",
    "find_link",
    "job_of",
    "make",
    "reconcile",
    "resolve",
    "retry",
    "said",
    "set_credentials",
    "set_password",
    "start",
    "stop",
    "unlink",
    "want_sync",
]
