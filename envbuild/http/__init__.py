"""The one door to the network. `client`: GET with tries and downloads; `transport`: one request over the wire."""
