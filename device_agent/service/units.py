"""The systemd units, as text. ``systemd-analyze security --offline`` scores them; a test holds them to 2.0 or less.

Two units share the work: the agent has network and secrets and no graphics; the display has graphics and no network at
all. Of the display's two processes one opens the sealed avatars with the licence's key, out of the agent's folders; the
one that draws cannot reach them (``device_agent.display.confinement``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AGENT_UNIT = "avatar-agent.service"
DISPLAY_UNIT = "avatar-display.service"
USER = "avatar-agent"
DISPLAY = "avatar-display"
"""The display's run folder, below /run."""

TPM = Path("/dev/tpmrm0")
CONFIG_FOLDER = Path("/etc") / USER
CONFIG = CONFIG_FOLDER / "config.toml"
SCREEN = CONFIG_FOLDER / "display.env"
"""Where the operator names another screen than the X server :0, as ``WAYLAND_DISPLAY=/run/...`` or ``DISPLAY=:1``."""

TSS = "tss"
"""The group that may use the TPM, on Debian and elsewhere."""

_COMMON = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateUsers=yes
ProtectHostname=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
LimitCORE=0
"""


_LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
"""What a process gives up its own rights with; not among systemd's usual ones before its version 254."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things are on the machine.

    Attributes:
        program: the ``avatar-agent`` command, absolute.
        config: the settings file.
        tpm: device file of the TPM that both units may use; ``None`` for none.
    """

    program: Path
    tpm: Path | None = None
    config: Path = CONFIG


def _command(*words: str | Path) -> str:
    """A command line as systemd.service(5) reads it: ``%`` and, but in the command's own path, ``$`` are doubled, and a
    word with blanks or quotes is quoted.
    """
    first, *others = (str(word).replace("%", "%%") for word in words)
    return " ".join(_quoted(word) for word in (first, *(word.replace("$", "$$") for word in others)))


def _quoted(word: str) -> str:
    if not any(letter in word for letter in " \t'\"\\;"):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def agent_unit(layout: Layout) -> str:
    """The agent; ``StartLimitIntervalSec=0``: systemd never gives up on it. Of devices it has the TPM at most."""
    devices = "PrivateDevices=yes"
    if layout.tpm is not None:
        devices = f"PrivateDevices=no\nDevicePolicy=closed\nDeviceAllow={layout.tpm} rw\nSupplementaryGroups={TSS}"
    return f"""\
[Unit]
Description=Avatar device agent
After=network.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={_command(layout.program, "run", "--config", layout.config)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
TimeoutStopSec=30
WatchdogSec=60
Environment=BOOT_ID=%b
User={USER}
Group={USER}
StateDirectory={USER}
StateDirectoryMode=0700
CacheDirectory={USER}
CacheDirectoryMode=0700
RuntimeDirectory={USER}
RuntimeDirectoryMode=0700
ConfigurationDirectory={USER}
ConfigurationDirectoryMode=0750
{_COMMON}{devices}
ProcSubset=pid
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
MemoryDenyWriteExecute=yes
MemoryMax=512M
TasksMax=128

[Install]
WantedBy=multi-user.target
"""


def display_unit(layout: Layout) -> str:
    """The display: the GPU's device nodes and no network. Graphics drivers write code at run time: that is allowed;
    what they ask of the scheduler is refused, and not deadly. Its run folder outlives its crashes: it counts them, and
    drivers keep their compiled programs there. The X server's socket is let in, of all that is in /tmp. With a TPM it
    may ask that: the licence which opens an avatar is sealed to it, and a picture at boot waits for no other process.
    When memory ends, the child that tries an avatar goes, and not the whole unit with the picture. What draws puts the
    agent's folders out of its own reach.
    """
    groups, tpm = "video render", ""
    if layout.tpm is not None:
        groups, tpm = f"{groups} {TSS}", f"DeviceAllow={layout.tpm} rw\n"
    return f"""\
[Unit]
Description=Avatar on the screen
After={AGENT_UNIT}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={_command(layout.program, "preview", "--fullscreen", "--config", layout.config)}
Restart=always
RestartSec=5
WatchdogSec=60
Environment=BOOT_ID=%b
User={USER}
Group={USER}
SupplementaryGroups={groups}
Environment=STATE_DIRECTORY=/var/lib/{USER} CACHE_DIRECTORY=/var/cache/{USER}
Environment=DISPLAY=:0 XDG_CACHE_HOME=/run/{DISPLAY}
EnvironmentFile=-{SCREEN}
BindReadOnlyPaths=-/tmp/.X11-unix
ReadOnlyPaths=/var/lib/{USER} /var/cache/{USER}
RuntimeDirectory={DISPLAY}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=restart
{_COMMON}SystemCallFilter={_LANDLOCK}
SystemCallErrorNumber=EPERM
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
DevicePolicy=closed
DeviceAllow=char-drm rw
DeviceAllow=char-nvidia* rw
DeviceAllow=char-input r
{tpm}MemoryMax=2G
OOMPolicy=continue
TasksMax=256

[Install]
WantedBy=graphical.target
"""


def sysusers() -> str:
    """The user (sysusers.d(5)): no password, no shell, no home."""
    return f'u {USER} - "Avatar device agent" /var/lib/{USER} /usr/sbin/nologin\n'


def settings_template(layout: Layout) -> str:
    """A settings file to fill in."""
    chosen = f'tpm = "{layout.tpm}"\n' if layout.tpm is not None else ""
    return f"""\
# Settings of the avatar device agent. `avatar-agent doctor` says what is missing.
state_dir = "/var/lib/{USER}"
cache_dir = "/var/cache/{USER}"
# license_file = "/etc/avatar-agent/license.json"
# avatar = "CH_3d_..."
# Credentials: a broker that the device's certificate opens is best; see docs/security.md.
# enroll_url = "https://est.example/.well-known/est"
# enroll_secret = "..."                # works once
# broker_url = "https://broker.example/v1/credentials"
# order_keys = "/etc/avatar-agent/operator.pub"         # or root = "...": who may remove this device
# fallback_picture = "/etc/avatar-agent/own.png"        # on the screen after too long offline
{chosen}"""
