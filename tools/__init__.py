"""What `./dev` is made of. Standard library only; nothing here is shipped."""
