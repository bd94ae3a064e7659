"""Everything that can stop a verb, as one tree. Match on the class or `code`, never on message text.

OrchestratorError
├── DefinitionsInvalid        problems in the operator's YAML (carries them all)
├── NodeUnknown               --node names none of platform.yaml, or is needed and missing
├── WrittenSecretMissing      the place that a `secret:` in YAML names holds nothing
│   └── TrunkSecretMissing    that of a trunk
├── CertificateUnusable       a certificate or its key isn't there, isn't one, is another's
├── SecretsUnreadable         the secrets file isn't ours to read or write, or is damaged
├── RenderFailed              a template or a filter refused a value
├── OutputNotEmpty            render was told to write where something lies
├── FileStale                 the rendered file on disk isn't what the definitions give now
├── SwitchError
│   ├── SwitchNotInstalled
│   ├── SwitchNotRunning
│   ├── SwitchStartFailed
│   ├── InstallFailed
│   ├── LockHeld              another process did the same for the whole deadline
│   ├── LockUnusable          no rights to the file that is locked
│   ├── AmiRefused            wrong user or secret
│   ├── AmiUnreachable        nothing listens, or it stopped answering
│   ├── ActionFailed          the switch answered an action with an error
│   ├── ForgedMessage         an AMI message has an identity header twice
│   ├── MessageTooLong        an AMI message is longer than any real one
│   └── NotLoaded             the switch lacks an object, or has an old form of it
├── ApplyFailed               what was wanted is not on the switch; the old state is back
│   ├── Drifted               somebody has edited on the switch what was applied there
│   ├── WaitsForConfirmation  a generation applied with --confirm-within isn't confirmed yet
│   ├── NothingToConfirm      none waits to be confirmed
│   ├── CandidateRefused      a scratch switch doesn't take it; the running one has seen nothing of it
│   └── UnknownSection        a tenant's phones were rendered into something that has no row
├── PlanUnreadable            a saved plan is no plan, or of another version
├── PlanStale                 a saved plan no longer says what an apply would do, or what it would charge
├── ExpectationNotMet         a call wouldn't reach whom its tenant's file expects it to reach
├── DisconnectRefused         --disconnect names a tenant that its file wants active, or none without a file
├── NumberKept                a file claims a number of a tenant that stays though its own file is gone
├── AccountsLate              a generation is live, and its service events aren't posted yet
├── StorageError
│   ├── DatabaseUnavailable
│   ├── LedgerBroken          the hash chain or the balance of an entry doesn't hold
│   │   └── ChargeDiffers     a charge computed again comes out otherwise
│   ├── DuplicateKey          same key, other content
│   ├── PaymentDiffers        a payment's reference stands with another amount, or was taken back
│   ├── AlreadyReversed       a charge is taken back once
│   ├── NotReversible         a reversal itself isn't taken back
│   ├── RecordingsUnwritable  a finished recording can't be moved to its place
│   ├── StateKept             what a switch's own database keeps of a tenant can't be removed
│   ├── MessagesKept          messages in a tenant's mailboxes can't be removed
│   ├── FileKept              a recording's file that should go can't be removed
│   ├── TracesKept            a database can't be rewritten: traces of what was deleted may be in its file
│   ├── GenerationsKept       earlier configurations that hold a purged tenant can't be removed yet
│   ├── RecordKept            a file of the switch's record that is over can't be removed
│   ├── HoldLifted            a legal hold was lifted before
│   ├── StoreUnavailable      a store of recordings doesn't answer, or refuses us
│   └── CopyMissing           a recording isn't in the store where its copy should be
├── RecordingDamaged          a recording's file is gone or isn't what was recorded
├── RatingError
│   └── NoRate                no prefix of the deck covers the number at that time
├── NotReady                  what calls that are up hold isn't known yet
├── ListenerAway              nobody who knows answers what a tenant's calls hold
├── DeckUnwritable            an imported deck can't be put in its place; the old one stands
├── PortabilityUnwritable     the table of ported numbers can't be read or written
├── CallListUnreadable        an operator's list of calls can't be read, or lacks a column
├── EventRefused              what was to happen to a tenant's service can't, as it stands
├── ScenarioRefused           an event of a scenario can't happen
├── PeriodRefused             a month was asked for that isn't over, or hasn't begun
├── PaperUnwritable           a statement can't be written where it should go; nothing of it is there
├── PdfUnavailable            the system lacks the library or the fonts that PDFs are made with
├── MailNotSent               a server didn't take an e-mail
├── NotDelivered              a webhook's server didn't take a post
├── PortTaken
├── SoundUnreadable           a sound file isn't one, or has no sound in it
├── SpeechFailed              a text can't be spoken: espeak-ng isn't there, or fails
├── SippMissing               SIPp, which plays the phones of a trial, isn't on this machine
├── NoTerminal                the console was asked for where there is no terminal
├── MetricsNotLocal           the metrics address is one that others can reach
└── NotFound                  a tenant, call or recording that was asked for
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.model.problem import Position, Problem


class OrchestratorError(Exception):
    """One clear line for the operator: what was wrong, where, and what to do next.

    Args: message: what was wrong and where. hint: what to do next; may be empty.
    """

    code = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DefinitionsInvalid(OrchestratorError):
    """The YAML has problems; `problems` holds every one of them."""

    code = "definitions-invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the definitions", "run vpbx validate")
        self.problems = tuple(problems)


class RenderFailed(OrchestratorError):
    code = "render-failed"


class SwitchError(OrchestratorError):
    code = "switch"


class SwitchNotInstalled(SwitchError):
    code = "switch-not-installed"


class SwitchNotRunning(SwitchError):
    code = "switch-not-running"


class SwitchStartFailed(SwitchError):
    code = "switch-start-failed"


class InstallFailed(SwitchError):
    code = "install-failed"


class AmiRefused(SwitchError):
    code = "ami-refused"


class AmiUnreachable(SwitchError):
    code = "ami-unreachable"


class ActionFailed(SwitchError):
    code = "action-failed"


class ApplyFailed(OrchestratorError):
    code = "apply-failed"


class SoundUnreadable(OrchestratorError):
    code = "sound-unreadable"


class SpeechFailed(OrchestratorError):
    code = "speech-failed"


class StorageError(OrchestratorError):
    code = "storage"


class DatabaseUnavailable(StorageError):
    code = "database-unavailable"


class LedgerBroken(StorageError):
    code = "ledger-broken"


class ChargeDiffers(LedgerBroken):
    """A charge computed again comes out otherwise.

    Args: seq, key: of its entry. differences: what it says and what was computed, one text each.
    """

    code = "charge-differs"

    def __init__(self, seq: int, key: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"ledger entry {seq} ({key}) computes otherwise: {'; '.join(differences)}",
            "compare with a backup; if the entry was posted so, reverse it (vpbx charge reverse)",
        )
        self.seq = seq
        self.key = key
        self.differences = tuple(differences)


class AlreadyReversed(StorageError):
    """Args: key: of the entry that is taken back already."""

    code = "already-reversed"

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.key = key


class NotReversible(StorageError):
    code = "not-reversible"


class PaymentDiffers(StorageError):
    """A payment's reference stands with another amount, or was taken back."""

    code = "payment-differs"


class DuplicateKey(StorageError):
    code = "duplicate-key"


class RatingError(OrchestratorError):
    code = "rating"


class NoRate(RatingError):
    code = "no-rate"


class DeckUnwritable(OrchestratorError):
    code = "deck-unwritable"


class PortabilityUnwritable(OrchestratorError):
    code = "portability-unwritable"


class CallListUnreadable(OrchestratorError):
    code = "call-list-unreadable"


class EventRefused(OrchestratorError):
    """What was to happen to a tenant's service can't, as it stands.

    Args: reason: which rule says so, in a word.
    """

    code = "event-refused"

    def __init__(self, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class ScenarioRefused(OrchestratorError):
    """A scenario can't happen. Args: reason: see `EventRefused`. position: of the event, or of the whole."""

    code = "scenario-refused"

    def __init__(self, reason: str, message: str, hint: str, position: Position) -> None:
        super().__init__(message, hint)
        self.reason = reason
        self.position = position


class PeriodRefused(OrchestratorError):
    code = "period-refused"


class PaperUnwritable(OrchestratorError):
    code = "paper-unwritable"


class PdfUnavailable(OrchestratorError):
    code = "pdf-unavailable"


class PortTaken(OrchestratorError):
    code = "port-taken"


class NotFound(OrchestratorError):
    code = "not-found"
