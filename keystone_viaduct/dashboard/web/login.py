"""Logging in and out. The password goes to the hub's Keystone and is kept nowhere; the browser gets the name
of a session, the token stays here.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from keystone_viaduct.dashboard.keystone import Credentials, NeedsCode
from keystone_viaduct.dashboard.web.services import ADDRESSES
from keystone_viaduct.dashboard.web.visit import Visit, check_csrf
from keystone_viaduct.errors import BadRequest, LoginRefused, TooFast, ViaductError

FORM_COOKIE = "viaduct-form"
_PASSWORD, _APPLICATION = "password", "application"


def form(visit: Visit) -> Response:
    """The form."""
    return _form(visit, back=_path(visit.query("next")), how=visit.query("how", _PASSWORD))


def enter(visit: Visit) -> Response:
    """What was typed."""
    given, back = visit.form, _path(visit.form.get("next", ""))
    cookie = visit.request.cookies.get(FORM_COOKIE, "")
    if not visit.services.forms.fits(cookie, given.get("csrf", "")):
        raise BadRequest("this form is too old", hint="load the page again, with cookies allowed")
    if not visit.may_log_in:
        raise BadRequest("a password is not sent without TLS", hint=_TLS)
    _check_rate(visit)
    how = given.get("how", _PASSWORD)
    try:
        person = visit.services.door.enter(_credentials(given, how))
    except NeedsCode as more:
        note = "Your account asks for one more thing: a one-time code."
        return _form(visit, back=back, how=how, receipt=more.receipt, note=note, status=200)
    except LoginRefused as error:
        return _form(visit, back=back, how=how, note=f"{error.message}: {error.hint}", status=401)
    except ViaductError as error:
        return _form(visit, back=back, how=how, note=f"{error.message}: {error.hint}", status=502)
    if visit.session is not None:
        visit.services.sessions.close(visit.session.id)
    session = visit.services.sessions.open(person)
    answer = visit.to() if not back else _go(visit, back)
    answer.set_cookie(
        visit.cookie, session.id, path="/", httponly=True, secure=visit.is_secure, samesite="strict"
    )
    answer.delete_cookie(FORM_COOKIE, path="/login", httponly=True, samesite="strict")
    return answer


def leave(visit: Visit) -> Response:
    """Log out."""
    check_csrf(visit)
    session, person = visit.logged_in()
    visit.services.sessions.close(session.id)
    visit.services.door.leave(person)
    answer = visit.to()
    answer.delete_cookie(visit.cookie, path="/", httponly=True, secure=visit.is_secure, samesite="strict")
    return answer


_TLS = (
    "open the dashboard by https://: give agent.dashboard a certificate and key, or put a proxy before it "
    "and name it in url; or use it on the agent's own machine (ssh -L)"
)


def _form(
    visit: Visit, *, back: str, how: str, receipt: str = "", note: str = "", status: int = 200
) -> Response:
    # the page asks for itself again while it is open: its form has to stay good
    cookie = visit.request.cookies.get(FORM_COOKIE, "")[:64] or visit.services.forms.new()
    typed: dict[str, Any] = {name: visit.form.get(name, "") for name in ("user", "domain", "application")}
    answer = visit.page(
        "login.html",
        status,
        back=back,
        how=how if how in (_PASSWORD, _APPLICATION) else _PASSWORD,
        receipt=receipt,
        note=note,
        typed=typed,
        form_token=visit.services.forms.token(cookie),
        tls="" if visit.may_log_in else _TLS,
    )
    answer.set_cookie(
        FORM_COOKIE,
        cookie,
        path="/login",
        httponly=True,
        secure=visit.is_secure,
        samesite="strict",
        max_age=3600,
    )
    return answer


def _credentials(given: Any, how: str) -> Credentials:
    def text(name: str) -> str:
        return str(given.get(name, ""))

    if how == _APPLICATION:
        return Credentials(application=text("application"), secret=text("secret"))
    code = "".join(text("code").split())
    return Credentials(text("user"), text("domain"), text("password"), code, text("receipt"))


def _check_rate(visit: Visit) -> None:
    """Who guesses passwords does it slowly. (Keystone locks accounts, if it is told to.)"""
    client = visit.request.client
    host = client.host if client is not None else ""
    name = host if len(host) < 64 else "?"
    wait = visit.services.logins.take(str(hash(name) % ADDRESSES), 1, int(visit.services.clock() * 1_000_000))
    if wait:
        raise TooFast("too many log-ins from your address", hint="wait a few seconds", wait=wait)


def _path(text: str) -> str:
    """A path of ours to go to afterwards; '' for anything else."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours and "\\" not in text else ""


def _go(visit: Visit, path: str) -> Response:
    answer = visit.to()
    answer.headers["location"] = path
    return answer
