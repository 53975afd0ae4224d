-- The second database; the image creates the first one, mlflow, together with its owner.
CREATE DATABASE mlflow_auth;
