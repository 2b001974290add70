"""The group `hardening`, off by default: what pods and roles may do beyond what they need."""
