"""HTTP: signs people in, parses, calls one service, renders. No rule of the product lives here."""
