"""What the cards say, in the two languages of those who read them. No secret and no whole id is ever on one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from device_agent.display.scene import Scene

SHORT = 12
"""Characters of a device's id on a card: enough to find it in a list, and no more."""

_GROUP = 4
_DERIVED = re.compile(r"[A-Z2-7]{26}")


@dataclass(frozen=True, kw_only=True)
class Card:
    """One card's words.

    Attributes:
        zh, en: the headline.
        zh_do, en_do: what happens next, or what to do.
        tone: ``calm`` (all is as it should be), ``attention`` (somebody has to do something) or ``quiet`` (over).
    """

    zh: str
    en: str
    zh_do: str
    en_do: str
    tone: str = "calm"


CARDS: Mapping[Scene, Card] = MappingProxyType(
    {
        Scene.SETUP: Card(
            zh="等待设置",
            en="Waiting to be set up",
            zh_do="完成绑定后，数字人会自动出现在这里。\n在本设备上运行：avatar-agent\u00a0bind",
            en_do="The avatar appears here by itself once this device is bound.\n"
            "On this device: avatar-agent\u00a0bind",
        ),
        Scene.DAMAGED: Card(
            zh="设备数据已损坏",
            en="This device's data is damaged",
            zh_do="设备会用原来的编号重新设置，席位不会丢失。\n若此卡片一直停留，请检查存储卡，再运行：avatar-agent\u00a0doctor",
            en_do="It sets itself up again under the same id; no seat is lost.\n"
            "If this card stays, check the storage, then: avatar-agent\u00a0doctor",
            tone="attention",
        ),
        Scene.CLONE: Card(
            zh="磁盘来自其他设备",
            en="This disk was set up on other hardware",
            zh_do="为避免重复占用席位，本设备没有联网。\n如果是有意更换硬件，请运行：avatar-agent\u00a0bind\u00a0--accept-new-hardware",
            en_do="So that no seat is used twice, nothing was sent.\n"
            "If it was moved on purpose: avatar-agent\u00a0bind\u00a0--accept-new-hardware",
            tone="attention",
        ),
        Scene.SEAT_FULL: Card(
            zh="席位已满",
            en="Every seat is taken",
            zh_do="请在控制台释放一台不用的设备，或增购席位。\n本设备会在一小时内自动重试；立即重试：avatar-agent\u00a0bind",
            en_do="Release a device that is not used, or order more seats.\n"
            "This one asks again within the hour; at once with: avatar-agent\u00a0bind",
            tone="attention",
        ),
        Scene.LICENSE_ENDED: Card(
            zh="授权已到期",
            en="The licence has ended",
            zh_do="请在控制台续订。续订后画面会自动恢复；\n立即重试：avatar-agent\u00a0bind",
            en_do="Renew the order in the console: the picture comes back by itself.\n"
            "At once with: avatar-agent\u00a0bind",
            tone="attention",
        ),
        Scene.LICENSE_REFUSED: Card(
            zh="授权未被接受",
            en="The licence was not accepted",
            zh_do="请核对租户、应用与授权文件是否一致。\n查看原因：avatar-agent\u00a0doctor",
            en_do="Check that tenant, application and licence file belong together.\n"
            "What is wrong: avatar-agent\u00a0doctor",
            tone="attention",
        ),
        Scene.LOADING: Card(
            zh="数字人准备中",
            en="The avatar is on its way",
            zh_do="请稍候，画面会自动出现。",
            en_do="One moment: it appears here by itself.",
        ),
        Scene.UNUSABLE: Card(
            zh="数字人无法显示",
            en="The avatar cannot be shown",
            zh_do="新版本发布后会自动重试。\n查看原因：journalctl\u00a0-u\u00a0avatar-display",
            en_do="It is tried again by itself when there is a new version.\n"
            "What is wrong: journalctl\u00a0-u\u00a0avatar-display",
            tone="attention",
        ),
        Scene.LOCKED: Card(
            zh="暂时离线",
            en="Offline for now",
            zh_do="恢复联网后，画面会自动回来。",
            en_do="The picture comes back by itself once this device is online again.",
            tone="quiet",
        ),
        Scene.LEAVING: Card(
            zh="正在移除本设备",
            en="This device is being removed",
            zh_do="完成之前，请保持电源和网络连接。",
            en_do="Please leave it switched on and connected until that is done.",
        ),
        Scene.REMOVED: Card(
            zh="设备已移除",
            en="This device was removed",
            zh_do="授权数据已清除。\n再次启用：avatar-agent\u00a0bind",
            en_do="Its licence data is erased.\nTo use it again: avatar-agent\u00a0bind",
            tone="quiet",
        ),
        Scene.ABANDONED: Card(
            zh="设备已强制移除",
            en="This device was removed by force",
            zh_do="数据已清除，但席位可能仍被占用。\n请管理员凭移除时的票据释放该席位。",
            en_do="Its data is erased, but its seat may still be taken.\n"
            "Whoever runs the fleet: release it with the ticket of the removal.",
            tone="attention",
        ),
        Scene.FAULT: Card(
            zh="设备需要检查",
            en="This device needs a look",
            zh_do="设置或存储无法使用。\n查看原因：avatar-agent\u00a0doctor",
            en_do="Its settings or its storage cannot be used.\nWhat is wrong: avatar-agent\u00a0doctor",
            tone="attention",
        ),
    }
)
"""The words of every scene that we draw."""


def short_code(device_id: str) -> str:
    """The beginning of an id as people read it out: ``ECUR-5MYF-SCMX``; an operator's own id as it is, cut."""
    if _DERIVED.fullmatch(device_id):
        return "-".join(device_id[at : at + _GROUP] for at in range(0, SHORT, _GROUP))
    plain = "".join(letter for letter in device_id if letter.isprintable())
    return plain if len(plain) <= 2 * SHORT else f"{plain[: 2 * SHORT]}…"
