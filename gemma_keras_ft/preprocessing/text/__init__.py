"""What text is made of: letters, words, aksharas, scripts and languages."""
