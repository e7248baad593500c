"""Settings of the agent, where each came from, and the type that keeps secrets from being printed."""

from device_agent.config.settings import Settings
from device_agent.secret import Secret

__all__ = ["Secret", "Settings"]
