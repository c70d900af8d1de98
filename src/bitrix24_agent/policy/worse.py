"""Arguments that turn one method's harmless call into a destructive one, as a table.

A rule fires when the argument is there (or, for ``missing``, is not), at any depth below the
parameters, under any spelling of its name. A value that another command of the batch fills in
counts as the worst it could be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bitrix24_agent.policy.credentials import folded
from bitrix24_agent.policy.values import has_reference, is_false, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitrix24_agent.model import Json

When = Literal["given", "true", "false", "empty", "value", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worse:
    """One row: which methods, which argument, when it fires, and what it does then.

    Attributes:
        methods: Matches the whole lower-case method name.
        names: Argument names, folded.
        when: ``given`` (whatever its value), ``true`` (anything but a no), ``false`` (a no),
            ``empty`` (nothing in it), ``value`` (one of *values*), or ``missing``.
        only_if: With ``missing``: fires only when this other argument is a yes.
        values: With ``value``: the texts that fire, in lower case.
        effect: What the call does then.
        source: Documentation page.
    """

    methods: re.Pattern[str]
    names: frozenset[str]
    effect: str
    source: str
    when: When = "given"
    only_if: str = ""
    values: frozenset[str] = frozenset()


def _row(
    methods: str,
    names: str,
    effect: str,
    source: str,
    *,
    when: When = "given",
    only_if: str = "",
    values: str = "",
) -> Worse:
    return Worse(
        methods=re.compile(methods),
        names=frozenset(names.split()),
        effect=effect,
        source=f"api-reference/{source}",
        when=when,
        only_if=only_if,
        values=frozenset(values.split()),
    )


# Left as writes, on purpose: user.update UF_DEPARTMENT and PERSONAL_* (moving people is everyday
# work, a manager's right), sale.payment.update and *.pay (taken back by the same call),
# catalog.product.update active and crm.activity.update COMPLETED (switched back at will),
# log.blogpost.add DEST (a new post, chosen readers), crm.*.update opened and observers and
# task.item.update ACCOMPLICES (taken back), bizproc.robot.update HANDLER (bound by callback_hosts).
TABLE = (
    _row(
        r"user\.update",
        "email",
        "changes the address a person signs in with; a new password can be asked for there",
        "user/user-update.md",
    ),
    _row(
        r"department\.update",
        "ufhead parent",
        "gives the rights of a head over people to somebody else",
        "departments/department-update.md",
    ),
    _row(
        r"imconnector\.activate",
        "active",
        "cuts the customers of this channel off",
        "imopenlines/imconnector/imconnector-activate.md",
        when="false",
    ),
    _row(
        r"imopenlines\.config\.update",
        "active",
        "switches the open line off",
        "imopenlines/openlines/imopenlines-config-update.md",
        when="false",
    ),
    _row(
        r"sonet_group\.update",
        "closed",
        "archives the group",
        "sonet-group/sonet-group-update.md",
        when="true",
    ),
    _row(
        r"sonet_group\.update",
        "visible opened",
        "opens the group to people who could not see or enter it",
        "sonet-group/sonet-group-update.md",
        when="true",
    ),
    _row(
        r"voximplant\.sip\.update",
        "server",
        "sends the calls and the password of the line to another server",
        "telephony/voximplant/sip/voximplant-sip-update.md",
    ),
    _row(
        r"sale\.order\.update",
        "canceled",
        "cancels the order",
        "sale/order/sale-order-update.md",
        when="true",
    ),
    _row(
        r"landing\.site\.update",
        "active",
        "puts the site on or off the web",
        "landing/site/landing-site-update.md",
    ),
    _row(
        r"log\.blogpost\.share",
        "dest",
        "shows the post to everybody; what was read stays read",
        "log/log-blogpost-share.md",
        when="value",
        values="ua au g2",
    ),
    _row(
        r"crm\.(?:contact|company|lead)\.update",
        "phone email web im",
        "may take every phone or address of the record away",
        "crm/contacts/crm-contact-update.md",
        when="empty",
    ),
    _row(
        r"tasks\.task\.update",
        "uftaskwebdavfiles",
        "replaces the files of the task; those not named are dropped",
        "tasks/tasks-task-update.md",
    ),
    _row(
        r"calendar\.event\.update",
        "attendees",
        "takes every attendee off the meeting",
        "calendar/calendar-event/calendar-event-update.md",
        when="empty",
    ),
    _row(
        r"sonet_group\.update",
        "ownerid",
        "hands the group over to another owner",
        "sonet-group/sonet-group-update.md",
    ),
    _row(
        r"tasks\.flow\.flow\.update",
        "ownerid",
        "hands the flow over to another administrator",
        "tasks/flow/tasks-flow-flow-update.md",
    ),
    _row(
        r"imbot\.v2\.bot\.update",
        "bottoken eventmode webhookurl",
        "shuts out the bot's present program",
        "chat-bots/chat-bots-v2/imbot.v2/bots/bot-update.md",
    ),
    _row(
        r"crm\.(?:deal|quote|item)\.update",
        "contactids companyids",
        "replaces the whole set of linked contacts or companies",
        "crm/deals/crm-deal-update.md",
    ),
    _row(
        r"note\.document\.update",
        "overwrite",
        "drops the unsaved changes of other editors",
        "note/document/note-document-update.md",
        when="true",
    ),
    _row(
        r"sale\.delivery\.request\.update",
        "overwriteproperties finalize",
        "replaces every property of the request or ends it",
        "sale/delivery/delivery-request/sale-delivery-request-update.md",
        when="true",
    ),
    _row(
        r"log\.blogpost\.update",
        "dest sperm",
        "replaces who may see the post",
        "log/log-blogpost-update.md",
    ),
    _row(
        r"(?:crm\.)?documentgenerator\.template\.update",
        "users",
        "decides who may still use the template",
        "document-generator/templates/document-generator-template-update.md",
    ),
    _row(
        r"landing\.site\.updatefolder",
        "active",
        "puts the folder on or off the web",
        "landing/site/landing-site-update-folder.md",
    ),
    _row(
        r"landing\.syspage\.set",
        "lid",
        "without lid the present assignment is removed",
        "landing/page/special-pages/landing-syspage-set.md",
        when="missing",
    ),
    _row(
        r"calendar\.event\.update",
        "attendees",
        "clears the attendees of the meeting",
        "calendar/calendar-event/calendar-event-update.md",
        when="missing",
        only_if="ismeeting",
    ),
)


def made_worse(name: str, params: Mapping[str, Json]) -> str | None:
    """Return what an argument of the lower-case method *name* makes worse, or None."""
    for rule in TABLE:
        if rule.methods.fullmatch(name) and _fires(rule, params):
            return rule.effect
    return None


def _fires(rule: Worse, params: Mapping[str, Json]) -> bool:
    values = [
        value for path, value in walk(dict(params)) if not rule.names.isdisjoint(map(folded, path))
    ]
    if rule.when == "missing":
        return all(_no(value) for value in values) and (
            not rule.only_if
            or any(
                folded(path[-1]) == rule.only_if and not _no(value)
                for path, value in walk(dict(params))
                if path
            )
        )
    if rule.when == "true":
        return any(not _no(value) for value in values)
    if rule.when == "false":
        return any(is_false(value) or has_reference(value) for value in values)
    if rule.when == "empty":
        return any(value in ([], {}, "") or has_reference(value) for value in values)
    if rule.when == "value":
        return any(
            str(value).strip().lower() in rule.values or has_reference(value) for value in values
        )
    return bool(values)


def _no(value: Json) -> bool:
    return is_false(value) and not has_reference(value)
