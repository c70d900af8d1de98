"""A local Bitrix24 portal for tests and demos: real HTTP, its own wire code, a witness inside.

Start one with :func:`bitrix24_agent.testing.running_portal` or
:func:`bitrix24_agent.emulator.portal.serve`. Methods live in ``methods/``, one family a module; a
documented method that is not played answers 501 with ``ERROR_EMULATOR_NOT_IMPLEMENTED``.
"""
