"""What running avatars were told to say, when each piece of it is said, and what was interrupted."""

from __future__ import annotations

from dataclasses import dataclass

from device_agent.harness.refusal import BAD_PARAMETER, BusinessRefusal
from device_agent.harness.state.store import Row, Store


@dataclass(frozen=True, kw_only=True)
class Saying:
    """Something to be said or done in a session.

    Attributes:
        seconds: how long it takes.
        interrupt: what is being said, and what waits, is dropped for it.
    """

    session_id: str
    unique_code: str
    kind: str
    content: str
    seconds: float
    interrupt: bool
    feedback: bool


class Messages:
    """The queue of each session."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def say(self, saying: Saying, *, now: float, piece: int | None = None) -> None:
        """Put something into the queue, or in its place. ``piece`` is the number of the first piece of a stream."""
        if saying.interrupt:
            self.interrupt(saying.session_id, now=now)
        self.close_stream(saying.session_id)
        free = self._store.value("SELECT max(ends_at) FROM messages WHERE session_id = ?", (saying.session_id,))
        starts = max(now, free or 0.0)
        self._store.run(
            "INSERT INTO messages (session_id, unique_code, kind, content, starts_at, ends_at, feedback, piece)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                saying.session_id,
                saying.unique_code,
                saying.kind,
                saying.content,
                starts,
                starts + saying.seconds,
                int(saying.feedback),
                piece,
            ),
        )

    def go_on(self, saying: Saying, *, now: float, piece: int, last: bool) -> None:
        """One more piece of the text that is being streamed; it is said in one with those before it.

        Raises:
            BusinessRefusal: 10010002, no stream is open, or a piece is missing before this one.
        """
        row = self._store.one("SELECT * FROM messages WHERE session_id = ? AND piece IS NOT NULL", (saying.session_id,))
        if row is None:
            raise BusinessRefusal(BAD_PARAMETER, "StreamExtension goes on with a text that was not started")
        if piece != row["piece"] + 1:
            raise BusinessRefusal(BAD_PARAMETER, f"StreamExtension.Index is {piece}, {row['piece'] + 1} comes next")
        self._store.run(
            "UPDATE messages SET content = content || ?, ends_at = max(ends_at, ?) + ?, piece = ?, unique_code = ?,"
            " told = 0, feedback = max(feedback, ?) WHERE message_id = ?",
            (
                saying.content,
                now,
                saying.seconds,
                None if last else piece,
                saying.unique_code,
                int(saying.feedback),
                row["message_id"],
            ),
        )

    def close_stream(self, session_id: str) -> None:
        """Whatever was streamed is complete now."""
        self._store.run("UPDATE messages SET piece = NULL WHERE session_id = ?", (session_id,))

    def interrupt(self, session_id: str, *, now: float) -> None:
        """Drop what is being said and what waits."""
        self._store.run(
            "UPDATE messages SET interrupted = 1, starts_at = min(starts_at, ?), ends_at = ?, piece = NULL"
            " WHERE session_id = ? AND ends_at > ?",
            (now, now, session_id, now),
        )

    def untold(self, *, now: float) -> list[Row]:
        """Messages that have ended and whose sender wants to know; each is given once."""
        rows = self._store.all(
            "SELECT messages.*, tenant_id FROM messages JOIN sessions USING (session_id)"
            " WHERE feedback AND NOT told AND piece IS NULL AND ends_at <= ? ORDER BY ends_at, message_id",
            (now,),
        )
        for row in rows:
            self._store.run("UPDATE messages SET told = 1 WHERE message_id = ?", (row["message_id"],))
        return rows

    def queue(self, session_id: str, *, now: float) -> list[dict[str, object]]:
        """The queue with where each message is: ``waiting``, ``speaking``, ``said`` or ``interrupted``."""
        found = []
        for row in self._store.all("SELECT * FROM messages WHERE session_id = ? ORDER BY message_id", (session_id,)):
            state = "waiting" if now < row["starts_at"] else "speaking" if now < row["ends_at"] else "said"
            found.append(
                {name: row[name] for name in ("unique_code", "kind", "content", "starts_at", "ends_at")}
                | {"state": "interrupted" if row["interrupted"] else state}
            )
        return found
