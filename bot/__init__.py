"""What people can ask in a chat, and the three ways in: Telegram, Discord, the terminal."""
