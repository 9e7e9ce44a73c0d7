SPECIAL: dict[str, str] = {}
