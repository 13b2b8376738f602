"""The one place where a configuration becomes objects; nothing below it sees a configuration."""
