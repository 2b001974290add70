"""What the API server and admission refuse: fields, values, labels, ports, quotas, Pod Security."""
