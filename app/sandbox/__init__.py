"""For developers only: embedded servers, the Telegram emulator, the demo vendor. Never imported by the product."""
