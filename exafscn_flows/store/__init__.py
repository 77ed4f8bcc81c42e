"""MongoDB: the server, the connection, the documents, and the queries on them."""
