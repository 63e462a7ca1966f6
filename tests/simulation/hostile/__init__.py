"""What a hostile spoke may try: a catalogue of attempts, each with a twin that its delegation allows."""
