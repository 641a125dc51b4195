"""Name the errors of Discord's REST API with their codes and words."""

from typing import Any


class DiscordError(Exception):
    """Stop a request with a status, Discord's own code and message, and the wrong fields."""

    def __init__(self, status: int, code: int, message: str, errors: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def invalid_form(path: str, code: str, message: str) -> DiscordError:
    """Return a 50035 for one field; the path's parts are joined by dots."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for part in reversed(path.split(".")):
        errors = {part: errors}
    return DiscordError(400, 50035, "Invalid Form Body", errors)


def too_long(path: str, limit: int) -> DiscordError:
    """Return a 50035 for a text that's longer than its limit."""
    return invalid_form(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def unauthorized() -> DiscordError:
    """Return what a wrong token gets."""
    return DiscordError(401, 0, "401: Unauthorized")


def not_found() -> DiscordError:
    """Return what an unknown route gets."""
    return DiscordError(404, 0, "404: Not Found")


def unknown_channel() -> DiscordError:
    """Return a 404 with code 10003."""
    return DiscordError(404, 10003, "Unknown Channel")


def unknown_message() -> DiscordError:
    """Return a 404 with code 10008."""
    return DiscordError(404, 10008, "Unknown Message")


def unknown_webhook() -> DiscordError:
    """Return a 404 with code 10015."""
    return DiscordError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> DiscordError:
    """Return a 404 with code 10062: the answer came too late or has a wrong token."""
    return DiscordError(404, 10062, "Unknown interaction")


def already_acknowledged() -> DiscordError:
    """Return a 400 with code 40060: an interaction has one first answer."""
    return DiscordError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> DiscordError:
    """Return a 403 with code 50001."""
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    """Return a 403 with code 50013."""
    return DiscordError(403, 50013, "Missing Permissions")


def no_direct_messages() -> DiscordError:
    """Return a 403 with code 50007."""
    return DiscordError(403, 50007, "Cannot send messages to this user")


def invalid_json() -> DiscordError:
    """Return a 400 with code 50109."""
    return DiscordError(400, 50109, "The request body contains invalid JSON.")


def thread_archived() -> DiscordError:
    """Return a 400 with code 50083: nothing in it can be edited."""
    return DiscordError(400, 50083, "Thread is archived")


def thread_locked() -> DiscordError:
    """Return a 400 with code 160005: only moderators write there."""
    return DiscordError(400, 160005, "This thread is locked")


def not_our_message() -> DiscordError:
    """Return a 403 with code 50005."""
    return DiscordError(403, 50005, "Cannot edit a message authored by another user")


def no_mutual_guilds() -> DiscordError:
    """Return a 403 with code 50278."""
    words = "Cannot send messages to this user due to having no mutual guilds"
    return DiscordError(403, 50278, words)
