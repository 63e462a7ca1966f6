"""Capture: triggers on Keystone's tables mark what was touched, in the application's own transaction."""

from keystone_viaduct.sync.capture.specs import PREFIX, capture_specs
from keystone_viaduct.sync.capture.triggers import TriggerCapture

__all__ = ["PREFIX", "TriggerCapture", "capture_specs"]
