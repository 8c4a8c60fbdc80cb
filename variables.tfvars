# npx cdktf deploy --var-file=variables.tfvars
# Only region and sm_name are required; a name that is left out begins with resource_prefix, or else with sm_name.

region                    = "us-east-1"
sm_name                   = "datastream"
sm_role_name              = "datastream_sm_role"
starter_lambda_name       = "datastream_start_ec2"
commander_lambda_name     = "datastream_ec2_commander"
poller_lambda_name        = "datastream_ec2_command_poller"
checker_lambda_name       = "datastream_s3_object_checker"
stopper_lambda_name       = "datastream_ec2_stopper"
lambda_policy_name        = "datastream_lambda_policy"
lambda_role_name          = "datastream_lambda_role"
lambda_invoke_policy_name = "datastream_lambda_invoke_policy"
ec2_role                  = "datastream_ec2_role"
ec2_policy_name           = "datastream_ec2_policy"
profile_name              = "datastream_ec2_profile"
resource_prefix           = "datastream"

# The one bucket that jobs may use. Without it they may use every bucket of the account.
# s3_bucket = "my-bucket"
