"""The drive channel: a websocket over which the platform drives a session's avatar, held open through everything.

The protocol is that of the vendor's IM client. That the token of ClientStart opens it is our inference, so the channel
is made only where the settings name its address.
"""

from device_agent.drive.channel import Channel, Message, Standing
from device_agent.drive.line import Line, Notice, Session
from device_agent.drive.websocket import WebSocket

__all__ = ["Channel", "Line", "Message", "Notice", "Session", "Standing", "WebSocket"]
