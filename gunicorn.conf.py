"""How the server reads requests; gunicorn finds this file in the folder it starts in.

2,000 Chinese characters in an address are 18,000 bytes. gunicorn stops at 8,190 with a page in English, whatever the
setting says, so the search could not answer them; its bound is moved, not removed.
"""

import gc

import gunicorn.http.message

limit_request_line = gunicorn.http.message.MAX_REQUEST_LINE = 32 * 1024


def post_worker_init(_worker: object) -> None:
    """What was loaded at the start lives as long as the worker: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
