// Stand-ins for the voting app's images, and the database driver that they are made with, pinned.
module gitops-bootstrap.invalid/tests/voting-app

go 1.24.0

require github.com/lib/pq v1.10.9
