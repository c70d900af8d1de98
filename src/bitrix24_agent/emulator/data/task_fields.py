"""The fields of a task, once for both versions; the item name is the one of REST 3.0.

Source: api-reference/tasks/fields.md, api-reference/tasks/fields-rest-v3.md @ 5988ed13
"""

from __future__ import annotations

from functools import cache

from bitrix24_agent.emulator.fields import FieldSet, parse_fields

# ``-old``: v3 only; ``-item``: v2 only. ``ro`` in v3 means the field lacks the Editable attribute.
_TASK = """
ID                    | integer  | ro    | id                  | ID
PARENT_ID             | integer  |       | parentId            | Parent task
TITLE                 | string   |       | title               | Title
DESCRIPTION           | string   |       | description         | Description
MARK                  | string   |       | mark                | Mark
PRIORITY              | integer  |       | priority            | Priority
MULTITASK             | boolean  |       | isMultitask         | Several performers
NOT_VIEWED            | boolean  | -item |                     | Not viewed
REPLICATE             | boolean  |       | replicate           | Recurring
STAGE_ID              | integer  |       | stageId             | Stage
CREATED_BY            | user     |       | creatorId           | Creator
CREATED_DATE          | datetime | ro    | created             | Created on
RESPONSIBLE_ID        | user     |       | responsibleId       | Assignee
CHANGED_BY            | user     | ro    | changedById         | Changed by
CHANGED_DATE          | datetime | ro    | changed             | Changed on
STATUS_CHANGED_BY     | user     | ro    | statusChangedById   | Status changed by
CLOSED_BY             | user     | ro    | closedById          | Closed by
CLOSED_DATE           | datetime | ro    | closed              | Closed on
ACTIVITY_DATE         | datetime | ro    | activity            | Last activity
DATE_START            | datetime | ro    | started             | Started on
DEADLINE              | datetime |       | deadline            | Deadline
START_DATE_PLAN       | datetime |       | startPlan           | Planned start
END_DATE_PLAN         | datetime |       | endPlan             | Planned end
GUID                  | string   | ro    | guid                | GUID
XML_ID                | string   |       | xmlId               | External code
COMMENTS_COUNT        | integer  | ro -item |                  | Comments
SERVICE_COMMENTS_COUNT | integer | ro -item |                  | Service comments
ALLOW_CHANGE_DEADLINE | boolean  |       | allowsChangeDeadline | Assignee may move the deadline
ALLOW_TIME_TRACKING   | boolean  |       | allowsTimeTracking  | Time tracking
TASK_CONTROL          | boolean  |       | needsControl        | Creator accepts the result
ADD_IN_REPORT         | boolean  |       | addInReport         | In the report
TIME_ESTIMATE         | integer  |       | estimatedTime       | Estimated time
MATCH_WORK_TIME       | boolean  |       | matchesWorkTime     | Within working hours
FORUM_TOPIC_ID        | integer  | ro    | forumTopicId        | Forum topic
SITE_ID               | string   |       | siteId              | Site
SUBORDINATE           | boolean  | ro -item |                  | Subordinate
STATUS_CHANGED_DATE   | datetime | ro    | statusChanged       | Status changed on
DESCRIPTION_IN_BBCODE | boolean  | ro -item |                  | Description is BB code
STATUS                | integer  |       | status              | Status
FAVORITE              | boolean  | ro -item |                  | Favourite
GROUP_ID              | integer  |       | groupId             | Project
FLOW_ID               | integer  |       | flowId              | Flow
AUDITORS              | user     | mul   | auditors            | Observers
ACCOMPLICES           | user     | mul   | accomplices         | Participants
CHECKLIST             | integer  | mul ro | checklist          | Checklist
UF_CRM_TASK           | string   | mul   | crmItemIds          | CRM objects
UF_TASK_WEBDAV_FILES  | string   | mul   | fileIds             | Files
TAGS                  | string   | mul   | tags                | Tags
"""

DEFAULTS = {
    "DESCRIPTION": "",
    "PRIORITY": 1,
    "STATUS": 2,
    "MULTITASK": "N",
    "NOT_VIEWED": "N",
    "REPLICATE": "N",
    "STAGE_ID": 0,
    "ALLOW_CHANGE_DEADLINE": "N",
    "ALLOW_TIME_TRACKING": "N",
    "TASK_CONTROL": "N",
    "ADD_IN_REPORT": "N",
    "TIME_ESTIMATE": 0,
    "MATCH_WORK_TIME": "N",
    "SITE_ID": "s1",
    "SUBORDINATE": "N",
    "DESCRIPTION_IN_BBCODE": "Y",
    "FAVORITE": "N",
    "GROUP_ID": 0,
    "AUDITORS": [],
    "ACCOMPLICES": [],
    "CHECKLIST": [],
    "UF_CRM_TASK": [],
    "UF_TASK_WEBDAV_FILES": [],
    "TAGS": [],
}
STATUS_NAMES = {
    2: "pending",
    3: "in_progress",
    4: "supposedly_completed",
    5: "completed",
    6: "deferred",
}
PRIORITY_NAMES = {0: "low", 1: "average", 2: "high"}
# What v3 lets a caller sort by. Source: api-reference/tasks/tasks-task-list-rest-v3.md @ 5988ed13
SORTABLE = frozenset(
    [
        "id",
        "title",
        "creatorId",
        "created",
        "responsibleId",
        "deadline",
        "startPlan",
        "endPlan",
        "groupId",
        "priority",
        "status",
        "started",
        "estimatedTime",
        "changed",
        "closed",
        "activity",
        "mark",
        "allowsChangeDeadline",
        "allowsTimeTracking",
    ]
)


@cache
def task_fields() -> FieldSet:
    """Return the fields of a task."""
    return parse_fields(_TASK)
