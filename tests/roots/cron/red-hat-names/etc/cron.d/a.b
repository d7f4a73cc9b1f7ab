* * * * * root /opt/k/kesl
