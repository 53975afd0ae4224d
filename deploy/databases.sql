-- The second database; the first, mlflow, is made with its owner.
CREATE DATABASE mlflow_auth;
