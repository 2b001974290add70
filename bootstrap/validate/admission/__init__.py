"""What admission refuses: CEL of CustomResourceDefinitions and of ValidatingAdmissionPolicies."""
