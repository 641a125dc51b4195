"""One file per destination: each sends one alert through a client that somebody else opened."""
