#!/bin/bash
# Run once by Postgres's image, when it makes the cluster: the owner of the database `orders`, who may make the roles of
# the two processes but is no superuser.
set -euo pipefail
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --set=password="$ORDERS_OWNER_PASSWORD" <<'SQL'
CREATE ROLE orders_owner LOGIN CREATEROLE CREATEDB PASSWORD :'password';
CREATE DATABASE orders OWNER orders_owner;
SQL
