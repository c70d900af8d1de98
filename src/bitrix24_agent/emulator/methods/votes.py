"""Polls in chats.

Source: api-reference/vote/vote.integration.im.send.md, api-reference/vote/vote.attachedvote.get.md
@ 5988ed13
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.emulator import moments
from bitrix24_agent.emulator.methods.chats import post
from bitrix24_agent.emulator.refusal import Refusal
from bitrix24_agent.emulator.registry import Visit, as_int, as_map, method

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Row

_MOST_ANSWERS = 10


@method("vote.Integration.Im.send", scope="vote", writes=True)
def send(visit: Visit) -> Json:
    """A poll of one question as a message of a chat."""
    chat = visit.world.chats.get(as_int(visit.need("chatId"), 0))
    if chat is None or visit.user_id not in chat["MEMBERS"]:
        raise Refusal("403", "Insufficient rights to create a survey", 403)
    data = as_map(visit.need("IM_MESSAGE_VOTE_DATA"), "IM_MESSAGE_VOTE_DATA")
    questions = data.get("QUESTIONS")
    if not isinstance(questions, list) or not questions:
        raise Refusal("400", "Please enter a question and answer options")
    if len(questions) > 1:
        raise Refusal("400", "Maximum number of questions: 1")
    question = questions[0] if isinstance(questions[0], dict) else {}
    given = question.get("ANSWERS")
    answers = [
        str(one.get("MESSAGE")).strip()
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, dict) and one.get("MESSAGE")
    ]
    if not question.get("QUESTION"):
        raise Refusal("400", "Please enter a question and answer options")
    if len(answers) < 2:
        raise Refusal("400", "Minimum number of answers: 2")
    if len(answers) > _MOST_ANSWERS:
        raise Refusal("400", f"Maximum number of answers: {_MOST_ANSWERS}")
    text = str(question["QUESTION"])
    message = post(visit.world, chat["ID"], visit.user_id, text)
    vote = visit.world.table("votes").add(
        {
            "CHAT_ID": chat["ID"],
            "MESSAGE_ID": message,
            "QUESTION": text,
            "FIELD_TYPE": as_int(question.get("FIELD_TYPE"), 0),
            "ANSWERS": answers,
            "BALLOTS": {},
            "ANONYMITY": as_int(data.get("ANONYMITY"), 0),
            "OPTIONS": as_int(data.get("OPTIONS"), 0),
            "AUTHOR_ID": visit.user_id,
            "DATE": visit.world.now(),
        }
    )
    return {"messageId": message, "voteId": vote}


@method("vote.AttachedVote.get", scope="vote")
def attached(visit: Visit) -> Json:
    """A poll with its counts, found by its id or by the message it hangs on."""
    table = visit.world.table("votes")
    if visit.param("attachId") not in (None, ""):
        row = table.get(as_int(visit.param("attachId"), 0))
    else:
        found = table.where(MESSAGE_ID=as_int(visit.param("entityId"), 0))
        row = found[0] if found else None
    if row is None:
        raise Refusal("ATTACH_NOT_FOUND", "Attach not found")
    chat = visit.world.chats.get(row["CHAT_ID"])
    if chat is None or visit.user_id not in chat["MEMBERS"]:
        raise Refusal("ATTACH_READ_ACCESS_DENIED", "Attach access denied", 403)
    return {"attach": _shown(visit, row)}


def _shown(visit: Visit, row: Row) -> Row:
    counts = [0] * len(row["ANSWERS"])
    for chosen in row["BALLOTS"].values():
        counts[chosen] += 1
    voters, key = len(row["BALLOTS"]), str(row["ID"])
    answers = {
        str(number + 1): {
            "ID": str(number + 1),
            "ACTIVE": "Y",
            "QUESTION_ID": key,
            "C_SORT": str((number + 1) * 10),
            "MESSAGE": text,
            "COUNTER": str(counts[number]),
            "FIELD_TYPE": str(row["FIELD_TYPE"]),
            "PERCENT": round(100 * counts[number] / voters) if voters else 0,
        }
        for number, text in enumerate(row["ANSWERS"])
    }
    return {
        "ID": row["ID"],
        "VOTE_ID": row["ID"],
        "COUNTER": voters,
        "QUESTIONS": {
            key: {
                "ID": key,
                "ACTIVE": "Y",
                "TIMESTAMP_X": moments.iso(row["DATE"]),
                "VOTE_ID": key,
                "C_SORT": "10",
                "COUNTER": str(voters),
                "QUESTION": row["QUESTION"],
                "QUESTION_TYPE": "text",
                "FIELD_TYPE": str(row["FIELD_TYPE"]),
                "ANSWERS": answers,
            }
        },
        "ANONYMITY": row["ANONYMITY"],
        "OPTIONS": row["OPTIONS"],
        "userAnswerMap": {},
        "canEdit": row["AUTHOR_ID"] == visit.user_id,
        "canVote": True,
        "canRevoke": False,
        "isVoted": visit.user_id in row["BALLOTS"],
        "entityId": row["MESSAGE_ID"],
    }
