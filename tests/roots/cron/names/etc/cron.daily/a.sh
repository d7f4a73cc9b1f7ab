#!/bin/sh
/opt/k/kesl
