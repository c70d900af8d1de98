"""The fields of deals, leads, contacts, companies and smart-process items, as data.

Source: api-reference/crm/deals/crm-deal-fields.md, .../leads/crm-lead-fields.md,
.../contacts/crm-contact-fields.md,
.../companies/crm-company-fields.md, .../universal/object-fields.md @ 5988ed13
"""

from __future__ import annotations

from functools import cache

from bitrix24_agent.emulator.fields import FieldSet, parse_fields

_HEAD = """
ID             | integer  | ro | id           | ID
DATE_CREATE    | datetime | ro | createdTime  | Created on
DATE_MODIFY    | datetime | ro | updatedTime  | Modified on
CREATED_BY_ID  | user     | ro | createdBy    | Created by
MODIFY_BY_ID   | user     | ro | updatedBy    | Modified by
ASSIGNED_BY_ID | user     |    | assignedById | Responsible person
OPENED         | char     |    | opened       | Available to everyone
"""

_TAIL = """
LAST_ACTIVITY_BY   | user     | ro        | lastActivityBy   | Last activity by
LAST_ACTIVITY_TIME | datetime | ro        | lastActivityTime | Last activity
UTM_SOURCE         | string   |           |                  | Ad system
UTM_MEDIUM         | string   |           |                  | Traffic type
UTM_CAMPAIGN       | string   |           |                  | Ad campaign
UTM_CONTENT        | string   |           |                  | Campaign content
UTM_TERM           | string   |           |                  | Campaign search term
WEBFORM_ID         | integer  | -old      | webformId        | CRM form
OBSERVERS          | user     | mul -old  | observers        | Observers
"""

_FOUND = """
SOURCE_ID          | crm_status:SOURCE | |  | Source
SOURCE_DESCRIPTION | string            | |  | Source information
ORIGINATOR_ID      | string            | |  | External source
ORIGIN_ID          | string            | |  | ID in the external source
COMMENTS           | string            | |  | Comment
"""

_MONEY = """
CURRENCY_ID           | crm_currency | |  | Currency
OPPORTUNITY           | double       | |  | Amount
IS_MANUAL_OPPORTUNITY | char         | |  | Amount entered by hand
"""

_MOVED = """
MOVED_BY_ID | user     | ro | movedBy   | Moved by
MOVED_TIME  | datetime | ro | movedTime | Moved on
"""

_PERSON = """
HONORIFIC   | crm_status:HONORIFIC | |  | Salutation
NAME        | string               | |  | First name
SECOND_NAME | string               | |  | Middle name
LAST_NAME   | string               | |  | Last name
BIRTHDATE   | date                 | |  | Date of birth
POST        | string               | |  | Position
"""

_REACHABLE = """
HAS_PHONE | char           | ro        | hasPhone | Has a phone
HAS_EMAIL | char           | ro        | hasEmail | Has an e-mail
HAS_IMOL  | char           | ro        | hasImol  | Has an open channel
PHONE     | crm_multifield | mul -item |          | Phone
EMAIL     | crm_multifield | mul -item |          | E-mail
WEB       | crm_multifield | mul -item |          | Site
IM        | crm_multifield | mul -item |          | Messenger
"""

_DEAL = """
TITLE                | string                | | | Name
TYPE_ID              | crm_status:DEAL_TYPE  | | | Type
CATEGORY_ID          | crm_category          | im | | Pipeline
STAGE_ID             | crm_status:DEAL_STAGE | | | Stage
STAGE_SEMANTIC_ID    | string                | ro | | Stage group
IS_NEW               | char                  | ro | | New deal
IS_RECURRING         | char                  | | | Recurring deal
IS_RETURN_CUSTOMER   | char                  | | | Repeat deal
IS_REPEATED_APPROACH | char                  | | | Repeated approach
PROBABILITY          | integer               | | | Probability
TAX_VALUE            | double                | | | Tax
COMPANY_ID           | crm_company           | | | Company
CONTACT_ID           | crm_contact           | dep | | Contact
CONTACT_IDS          | crm_contact           | mul | contactIds | Contacts
QUOTE_ID             | crm_quote             | | | Estimate
LEAD_ID              | crm_lead              | | | Lead
BEGINDATE            | date                  | | begindate | Start date
CLOSEDATE            | date                  | | closedate | End date
CLOSED               | char                  | | | Closed
ADDITIONAL_INFO      | string                | | | Additional information
LOCATION_ID          | location              | | | Location
"""

_LEAD = """
TITLE              | string            | | | Name
COMPANY_TITLE      | string            | | | Company name
STATUS_ID          | crm_status:STATUS | | stageId | Stage
STATUS_DESCRIPTION | string            | | | About the stage
STATUS_SEMANTIC_ID | string            | ro | stageSemanticId | Stage group
COMPANY_ID         | crm_company       | | | Company
CONTACT_ID         | crm_contact       | | | Contact
CONTACT_IDS        | crm_contact       | mul | contactIds | Contacts
IS_RETURN_CUSTOMER | char              | ro | | Repeat lead
DATE_CLOSED        | datetime          | ro | | Closed on
"""

_CONTACT = """
TYPE_ID     | crm_status:CONTACT_TYPE | | | Contact type
COMPANY_ID  | crm_company             | | | Company
COMPANY_IDS | crm_company             | mul | companyIds | Companies
LEAD_ID     | crm_lead                | ro | | Lead
EXPORT      | char                    | | | Included in export
PHOTO       | file                    | | | Photo
"""

_COMPANY = """
TITLE           | string                  | req | | Company name
COMPANY_TYPE    | crm_status:COMPANY_TYPE | | typeId | Company type
INDUSTRY        | crm_status:INDUSTRY     | | | Industry
EMPLOYEES       | crm_status:EMPLOYEES    | | | Employees
REVENUE         | double                  | | | Annual revenue
CURRENCY_ID     | crm_currency            | | | Currency
BANKING_DETAILS | string                  | | | Bank details
IS_MY_COMPANY   | char                    | | | My company
LEAD_ID         | crm_lead                | ro | | Lead
CONTACT_IDS     | crm_contact             | mul -old | contactIds | Contacts
LOGO            | file                    | | | Logo
"""

_SMART = """
XML_ID            | string            | -old | | External code
TITLE             | string            | -old | | Name
CATEGORY_ID       | crm_category      | -old | | Pipeline
STAGE_ID          | crm_status:DYNAMIC | -old | | Stage
PREVIOUS_STAGE_ID | crm_status        | ro -old | | Previous stage
BEGINDATE         | date              | -old | begindate | Start date
CLOSEDATE         | date              | -old | closedate | End date
COMPANY_ID        | crm_company       | -old | | Company
CONTACT_ID        | crm_contact       | -old | | Contact
CONTACT_IDS       | crm_contact       | mul -old | contactIds | Contacts
TAX_VALUE         | double            | -old | | Tax
MYCOMPANY_ID      | crm_company       | -old | mycompanyId | My company
"""


def _set(*parts: str) -> FieldSet:
    return parse_fields("\n".join(part.strip() for part in parts))


@cache
def deal_fields() -> FieldSet:
    """Return the fields of a deal."""
    return _set(_HEAD, _DEAL, _MONEY, _FOUND, _MOVED, _TAIL)


@cache
def lead_fields() -> FieldSet:
    """Return the fields of a lead."""
    return _set(_HEAD, _LEAD, _PERSON, _MONEY, _FOUND, _REACHABLE, _MOVED, _TAIL)


@cache
def contact_fields() -> FieldSet:
    """Return the fields of a contact."""
    return _set(_HEAD, _PERSON, _CONTACT, _FOUND, _REACHABLE, _TAIL)


@cache
def company_fields() -> FieldSet:
    """Return the fields of a company."""
    return _set(_HEAD, _COMPANY, _FOUND, _REACHABLE, _TAIL)


@cache
def smart_fields() -> FieldSet:
    """Return the fields of a smart-process item with every setting on."""
    return _set(_HEAD, _SMART, _MONEY, _FOUND, _MOVED, _TAIL)
