"""Settings of the agent, where each came from, and the type that keeps secrets from being printed."""

from device_agent.config.secret import Secret
from device_agent.config.settings import Settings

__all__ = ["Secret", "Settings"]
