"""Whatever a client sends, the portal answers or refuses; it never breaks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitrix24_agent.emulator import methods, registry
from bitrix24_agent.emulator.kernel import Origin
from bitrix24_agent.emulator.portal import Portal
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3
from bitrix24_agent.emulator.registry import PLAYED
from bitrix24_agent.emulator.wire import to_json, to_xml

methods.load()

NUMBERS = [0, 1, -1, 3, 31, 814, 99999999, 1.5]
TEXTS = ["", "0", "1", "31", "x", "chat11", "2026-10-05", "Y"]
SCALARS = st.sampled_from([None, True, False, *NUMBERS, *TEXTS])
NAME_WORDS = """
ID id TITLE title fields filter select order start STATUS_ID stageId PHONE fm VALUE typeId DEADLINE
deadline >ID @ID %TITLE !@STAGE_ID 0 logic LOGIC ENTITY_TYPE ENTITY_ID NAME CONTACT_ID page limit
conditions
"""
NAMES = st.sampled_from(NAME_WORDS.split())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PARAMETER_WORDS = """
id taskId fields filter select order start entityTypeId DIALOG_ID MESSAGE USERS CHAT_ID USER_ID
TASKID FIELDS items rows productRows ownerType ownerId type values entity_type data fileContent
name from to section attendees pagination LIMIT FIRST_ID LAST_ID OFFSET sort FILTER UF_DEPARTMENT
deadline ownerTypeId ACCESS CODE scope entityId POST_MESSAGE DEST MESSAGE_ID REPLY_ID userId
generateUniqueName field flowData lid block params dialogId botId botToken messageId TEMPLATE_ID
DOCUMENT_ID TASK_ID TASK_IDS STATUS ENTITY PROPERTY PROPERTY_VALUES NAME TYPE nodeId userIds role
sprintId stageId IM_MESSAGE_VOTE_DATA attachId clients waitListId bookingId resourceId moduleId
query cursor searchQuery CALL_ID PHONE_NUMBER IBLOCK_TYPE_ID IBLOCK_ID ELEMENT_CODE CRM_ENTITY_TYPE
CRM_ENTITY PLACEMENT HANDLER event handler process_id siteId code landingUrl AGREEMENT_ID IP data
company companyCrmId paymentId rowId quantity templateId eventId status users messageId replace
"""
PARAMETERS = PARAMETER_WORDS.split()


@pytest.mark.parametrize("played", sorted(PLAYED), ids=lambda played: f"{played[0]}@{played[1]}")
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    params=st.dictionaries(st.sampled_from(PARAMETERS), VALUES, max_size=6)
    | st.lists(VALUES, max_size=3),
    user=st.sampled_from([1, 3]),
)
def test_no_parameters_break_a_method(played, params, user):
    portal = shared()
    name, version = played
    token = portal.access.add_token(f"token {user}", user)
    credential = portal.access.of_token(token)
    if not registry.find(*played).application:
        credential = portal.access.of_webhook(user, portal.access.add_webhook(user))
    origin = Origin(credential=credential, request=1, base_url="http://p")
    if version == 3 and isinstance(params, list):
        params = {}
    status, answer = 200, {}
    try:
        reply, answer["time"] = portal.kernel.execute(name, version, params, origin)
        answer["result"] = reply.result
    except (Refusal, RefusalV3) as refusal:
        status, answer = refusal.status, refusal.body()
    assert status == 200 or 400 <= status < 500
    to_json(answer)
    to_xml(answer)


_PORTALS: list[Portal] = []


def shared() -> Portal:
    """One portal for all examples: methods may have changed it in any way before."""
    if not _PORTALS:
        _PORTALS.append(Portal(deals=20))
    return _PORTALS[0]
